let x = 1;
const words = [];
for (let i = 0; i < 5000; i++) {
    x = (x * 75 + 74) % 65537;
    words.push("w" + x);
}
words.sort();
console.log(words[0], words[4999], words.join("").length);

x = 1; words = vector(5000, i, x = (x * 75 + 74) % 65537; Str("w", x));
words = vecsort(words);
print(words[1], " ", words[5000], " ", factor(2^101 - 1));

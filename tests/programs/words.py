x, words = 1, []
for _ in range(5000):
    x = (x * 75 + 74) % 65537
    words.append(f"w{x}")
words.sort()
print(words[0], words[-1], sum(map(len, words)))

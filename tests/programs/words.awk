BEGIN {
    x = 1
    for (i = 0; i < 20000; i++) {
        x = (x * 75 + 74) % 65537
        word = "w" x
        all += length(word)
        seen[word]++
    }
    for (word in seen) { count++; joined = joined substr(word, 2, 1) }
    print count, length(joined), all
}

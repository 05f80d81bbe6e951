x <- 1
words <- character(5000)
for (i in seq_along(words)) {
  x <- (x * 75 + 74) %% 65537
  words[i] <- paste0("w", x)
}
words <- sort(words)
cat(words[1], words[5000], sum(nchar(words)), "\n")
print(summary(lm(dist ~ speed, cars))$r.squared)

int main() {
  int x = 1;
  array(string) words = ({});
  for (int i = 0; i < 5000; i++) {
    x = (x * 75 + 74) % 65537;
    words += ({ "w" + x });
  }
  words = sort(words);
  write("%s %s %d\n", words[0], words[-1], sizeof(words * ""));
  return 0;
}

x := 1;; words := [];;
for i in [1..5000] do
  x := (x * 75 + 74) mod 65537;
  Add(words, Concatenation("w", String(x)));
od;
Sort(words);
Print(words[1], " ", words[5000], " ", Size(SymmetricGroup(8)), "\n");
QUIT;

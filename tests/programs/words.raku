my $x = 1;
my @words = (1..2000).map: { $x = ($x * 75 + 74) % 65537; "w$x" };
my @sorted = @words.sort;
say "@sorted[0] @sorted[*-1] {@words.join.chars}";

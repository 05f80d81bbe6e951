my ($x, $all, @words) = (1, 0);
for (1 .. 5000) {
    $x = ($x * 75 + 74) % 65537;
    push @words, "w$x";
    $all += length $words[-1];
}
my @sorted = sort @words;
print "$sorted[0] $sorted[-1] $all\n";

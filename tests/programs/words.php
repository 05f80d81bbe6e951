<?php
$x = 1;
for ($i = 0; $i < 5000; $i++) {
    $x = ($x * 75 + 74) % 65537;
    $words[] = "w$x";
}
sort($words, SORT_STRING);
echo $words[0], " ", end($words), " ", strlen(implode($words)), "\n";

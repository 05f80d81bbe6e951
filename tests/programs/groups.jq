[foreach range(2000) as $i (1; (. * 75 + 74) % 65537; {i: $i, word: "w\(.)"})]
| group_by(.word[1:2]) | map({first: .[0].word, count: length}) | .[]

let () =
  let x = ref 1 in
  let word _ = x := (!x * 75 + 74) mod 65537; "w" ^ string_of_int !x in
  let words = Array.init 5000 word in
  Array.sort compare words;
  let all = Array.fold_left (fun n w -> n + String.length w) 0 words in
  Printf.printf "%s %s %d\n" words.(0) words.(4999) all

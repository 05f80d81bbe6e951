x = 1
words = (1..5000).map { x = (x * 75 + 74) % 65537; "w#{x}" }
words.sort!
puts "#{words[0]} #{words[-1]} #{words.sum(&:length)}"

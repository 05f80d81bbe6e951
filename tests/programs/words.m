x = 1; words = {};
for i = 1:2000
  x = mod(x * 75 + 74, 65537);
  words{end + 1} = sprintf("w%d", x);
end
words = sort(words);
m = reshape(1:10000, 100, 100) + eye(100);
printf("%s %s %d %.3f\n", words{1}, words{end}, length([words{:}]), trace(m \ m));

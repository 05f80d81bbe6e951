local x, all, words = 1, 0, {}
for i = 1, 5000 do
    x = (x * 75 + 74) % 65537
    words[i] = string.format("w%d", x)
    all = all + #words[i]
end
table.sort(words)
print(words[1] .. " " .. words[#words] .. " " .. all)

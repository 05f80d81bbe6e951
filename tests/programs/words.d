import std.algorithm, std.array, std.conv, std.stdio;
void main() {
    int x = 1;
    string[] words;
    foreach (i; 0 .. 5000) {
        x = (x * 75 + 74) % 65537;
        words ~= "w" ~ x.to!string;
    }
    words.sort();
    writeln(words[0], " ", words[$ - 1], " ", words.join.length);
}

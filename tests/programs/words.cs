using System;
class Words {
    static void Main() {
        int x = 1, all = 0;
        var words = new string[5000];
        for (int i = 0; i < 5000; i++) {
            x = (x * 75 + 74) % 65537;
            words[i] = "w" + x;
            all += words[i].Length;
        }
        Array.Sort(words, StringComparer.Ordinal);
        Console.WriteLine(words[0] + " " + words[4999] + " " + all);
    }
}

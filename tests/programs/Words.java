import java.util.Arrays;

class Words {
    public static void main(String[] none) {
        int x = 1, all = 0;
        String[] words = new String[5000];
        for (int i = 0; i < 5000; i++) {
            x = (x * 75 + 74) % 65537;
            words[i] = "w" + x;
            all += words[i].length();
        }
        Arrays.sort(words);
        System.out.println(words[0] + " " + words[4999] + " " + all);
    }
}

// Runs what is asked on the heaps in `bytes`, and writes down their logs.

(async () => {
    const seen = document.getElementById("seen");
    const { instance } = await WebAssembly.instantiate(bytes);
    const heaps = instance.exports;
    const { memory, room_for, run_and_log, last_words, answered } = heaps;
    const logs = asked.map((request) => {
        const text = new TextEncoder().encode(request);
        const at = room_for(text.length);
        new Uint8Array(memory.buffer, at, text.length).set(text);
        let length;
        try {
            length = run_and_log();
        } catch (error) {
            console.error(error);
            length = last_words();
        }
        const answer = new Uint8Array(memory.buffer, answered(), length);
        return new TextDecoder().decode(answer);
    });
    seen.textContent = logs.join("\u001e");
})();

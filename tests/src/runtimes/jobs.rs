//! The programs, and a small job for each.

/// A program at a job, in a folder that has the files of `tests/programs`.
pub struct Job {
    /// Its name in the table.
    pub name: &'static str,
    /// The package of Debian that it comes from.
    pub package: &'static str,
    /// What is done once before, for a shell: it is not counted.
    pub prepare: &'static str,
    /// The program and its arguments.
    pub run: &'static str,
    /// The file that it makes, or nothing if what it prints is what counts.
    pub makes: &'static str,
}

/// The packages of Debian that have them, and what they want besides.
pub const PACKAGES: &str = "\
    dash zsh fish mksh tcsh busybox gawk mawk original-awk perl python3 \
    ruby php8.2-cli lua5.4 luajit nodejs tcl jimsh rakudo pike8.0-core \
    guile-3.0 sbcl clisp ecl chicken-bin gambc racket chezscheme \
    mit-scheme newlisp emacs-nox swi-prolog-nox gprolog ocaml erlang-base \
    ghc mono-mcs mono-runtime default-jre-headless algol68g nickle gforth \
    gcc libc6-dev ldc gdc fp-compiler fp-units-rtl gnat-12 gfortran \
    gnucobol4 tcc nasm bison m4 octave r-base-core gap-core pari-gp maxima \
    bc dc apcalc glpk-utils z3 gnuplot-nox texlive-latex-base ghostscript \
    groff graphviz imagemagick ffmpeg povray poppler-utils librsvg2-bin jq \
    sqlite3 git xsltproc w3m vim-nox";

const fn job(
    name: &'static str,
    package: &'static str,
    prepare: &'static str,
    run: &'static str,
    makes: &'static str,
) -> Job {
    Job { name, package, prepare, run, makes }
}

#[rustfmt::skip]
pub const JOBS: [Job; 87] = [
    job("dash", "dash", "", "dash words.sh", ""),
    job("bash", "bash", "", "bash words.sh", ""),
    job("zsh", "zsh", "", "zsh -o shwordsplit words.sh", ""),
    job("mksh", "mksh", "", "mksh words.sh", ""),
    job("busybox", "busybox", "", "busybox sh words.sh", ""),
    job("fish", "fish", "", "fish words.fish", ""),
    job("tcsh", "tcsh", "", "tcsh -f words.tcsh", ""),
    job("gawk", "gawk", "", "gawk -f words.awk", ""),
    job("mawk", "mawk", "", "mawk -f words.awk", ""),
    job("original-awk", "original-awk", "", "original-awk -f words.awk", ""),
    job("perl", "perl", "", "perl words.pl", ""),
    job("python3", "python3", "", "python3 words.py", ""),
    job("ruby", "ruby", "", "ruby words.rb", ""),
    job("php", "php8.2-cli", "", "php -n words.php", ""),
    job("lua", "lua5.4", "", "lua5.4 words.lua", ""),
    job("luajit", "luajit", "", "luajit words.lua", ""),
    job("node", "nodejs", "", "node words.js", ""),
    job("tclsh", "tcl8.6", "", "tclsh words.tcl", ""),
    job("jimsh", "jimsh", "", "jimsh words.tcl", ""),
    job("raku", "rakudo", "", "raku words.raku", ""),
    job("pike", "pike8.0-core", "", "pike words.pike", ""),
    job("guile", "guile-3.0", "", "guile --no-auto-compile words.scm", ""),
    job("csi", "chicken-bin", "", "csi -q -s words.scm", ""),
    job("gsi", "gambc", "", "gsi words.scm", ""),
    job("racket", "racket", "", "racket -I racket -f words.scm", ""),
    job("chezscheme", "chezscheme", "", "chezscheme --script words.scm", ""),
    job(
        "mit-scheme", "mit-scheme",
        "",
        "mit-scheme --quiet --load words.scm --eval (exit)",
        "",
    ),
    job("sbcl", "sbcl", "", "sbcl --script words.lisp", ""),
    job("clisp", "clisp", "", "clisp -q words.lisp", ""),
    job("ecl", "ecl", "", "ecl --norc --shell words.lisp", ""),
    job("newlisp", "newlisp", "", "newlisp -n words.lsp", ""),
    job("emacs", "emacs-nox", "", "emacs -Q --batch -l words.el", ""),
    job("swipl", "swi-prolog-nox", "", "swipl -q -g go -t halt words.pro", ""),
    job(
        "gprolog", "gprolog",
        "",
        "gprolog --consult-file words.pro --query-goal go,halt",
        "",
    ),
    job("ocaml", "ocaml", "", "ocaml words.ml", ""),
    job(
        "an OCaml program", "ocaml",
        "ocamlopt -o words-ml words.ml",
        "./words-ml",
        "",
    ),
    job(
        "erlang", "erlang-base",
        "erlc words.erl",
        "erl -noshell -s words main -s init stop",
        "",
    ),
    job("ghc", "ghc", "", "ghc -O0 -fforce-recomp -o words-hs-2 words.hs", ""),
    job(
        "a Haskell program", "ghc",
        "ghc -O -o words-hs words.hs",
        "./words-hs",
        "",
    ),
    job("mcs", "mono-mcs", "", "mcs -out:words-2.exe words.cs", ""),
    job(
        "mono", "mono-runtime",
        "mcs -out:words.exe words.cs",
        "mono words.exe",
        "",
    ),
    job(
        "java", "openjdk-17-jre-headless",
        "",
        "java -XX:TieredStopAtLevel=1 Words.java",
        "",
    ),
    job("a68g", "algol68g", "", "a68g --no-warnings words.a68", ""),
    job("nickle", "nickle", "", "nickle words.5c", ""),
    job("gforth", "gforth", "", "gforth words.fs", ""),
    job("gcc", "gcc-12", "", "gcc -O2 -o words-c words.c", "words-c"),
    job("tcc", "tcc", "", "tcc -o words-tcc words.c", "words-tcc"),
    job(
        "ldc2", "ldc",
        "",
        "ldc2 -c -of=words-ldc-2.o words.d",
        "words-ldc-2.o",
    ),
    job(
        "a D program (ldc)", "ldc",
        "ldc2 -of=words-ldc words.d",
        "./words-ldc",
        "",
    ),
    job(
        "gdc", "gdc-12",
        "",
        "gdc -c -o words-gdc-2.o words.d",
        "words-gdc-2.o",
    ),
    job(
        "a D program (gdc)", "gdc-12",
        "gdc -o words-gdc words.d",
        "./words-gdc",
        "",
    ),
    job("fpc", "fp-compiler-3.2.2", "", "fpc -v0 -owords-fpc-2 words.pas", ""),
    job(
        "a Pascal program", "fp-compiler-3.2.2",
        "fpc -v0 -owords-fpc words.pas",
        "./words-fpc",
        "",
    ),
    job("gnat", "gnat-12", "", "gcc -c words.adb", "words.o"),
    job(
        "an Ada program", "gnat-12",
        "gnatmake -q -o words-ada words.adb",
        "./words-ada",
        "",
    ),
    job(
        "a Fortran program", "gfortran-12",
        "gfortran -o words-f90 words.f90",
        "./words-f90",
        "",
    ),
    job("cobc", "gnucobol4", "", "cobc -x -o words-cob-2 words.cob", ""),
    job(
        "a COBOL program", "gnucobol4",
        "cobc -x -o words-cob words.cob",
        "./words-cob",
        "",
    ),
    job("nasm", "nasm", "", "nasm -f elf64 -o loop.o loop.asm", "loop.o"),
    job("bison", "bison", "", "bison -o sums.c sums.y", "sums.c"),
    job("m4", "m4", "", "m4 words.m4", ""),
    job("octave", "octave", "", "octave-cli -q words.m", ""),
    job("R", "r-base-core", "", "Rscript words.R", ""),
    job("gap", "gap-core", "", "gap -q -b -A words.g", ""),
    job("gp", "pari-gp", "", "gp -q -f words.gp", ""),
    job("maxima", "maxima", "", "maxima --very-quiet -b sums.mac", ""),
    job("bc", "bc", "", "bc primes.bc", ""),
    job("dc", "dc", "", "dc powers.dc", ""),
    job("calc", "apcalc", "", "calc -q -f sums.cal", ""),
    job(
        "glpsol", "glpk-utils",
        "",
        "glpsol --math diet.mod -o diet.txt",
        "diet.txt",
    ),
    job("z3", "z3", "", "z3 queens.smt2", ""),
    job("gnuplot", "gnuplot-nox", "", "gnuplot waves.gnuplot", ""),
    job(
        "pdftex", "texlive-binaries",
        "",
        "pdflatex -interaction=batchmode page.tex",
        "page.pdf",
    ),
    job(
        "gs", "ghostscript",
        "",
        "gs -q -dBATCH -dNOPAUSE -sDEVICE=ppmraw -sOutputFile=circles.ppm circles.ps",
        "circles.ppm",
    ),
    job("groff", "groff", "", "groff -ms -te -Tutf8 manual.ms", ""),
    job("dot", "graphviz", "", "dot -Tsvg graph.dot", ""),
    job(
        "convert", "imagemagick-6.q16",
        "",
        "convert -seed 1 -size 300x200 plasma:red-blue -blur 0x3 -resize 50% picture.ppm",
        "picture.ppm",
    ),
    job(
        "ffmpeg", "ffmpeg",
        "",
        "ffmpeg -v error -f lavfi -i testsrc=duration=1:size=160x120 -threads 1 -c:v mjpeg -y clip.avi",
        "clip.avi",
    ),
    job(
        "povray", "povray",
        "",
        "povray spheres.pov -GA +WT1 +W160 +H120 +Ospheres.bmp +FB -D",
        "spheres.bmp",
    ),
    job(
        "pdftotext", "poppler-utils",
        "pdflatex -interaction=batchmode page.tex",
        "pdftotext -layout page.pdf -",
        "",
    ),
    job(
        "rsvg-convert", "librsvg2-bin",
        "",
        "rsvg-convert -o picture.png picture.svg",
        "picture.png",
    ),
    job("jq", "jq", "", "jq -n -c -f groups.jq", ""),
    job("sqlite3", "sqlite3", "", "sqlite3 -init rows.sql :memory: .quit", ""),
    job("git", "git", "sh history.sh", "git -C history --no-pager log --stat -p", ""),
    job("xsltproc", "xsltproc", "", "xsltproc books.xsl books.xml", ""),
    job("w3m", "w3m", "", "w3m -dump page.html", ""),
    job("vim", "vim-nox", "", "vim -u NONE -es -S words.vim", "words.txt"),
];

# A history of a few commits, the same every time.
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git init -q history && cd history || exit
git config user.name reader && git config user.email reader@example.org
for file in words.c words.py words.pl words.rb words.d; do
    cp "../$file" words
    git add words && git commit -q -m "Write it as in $file"
done

create table words (id integer primary key, word text);
with recursive n(i, x) as (select 1, 149 union all
  select i + 1, (x * 75 + 74) % 65537 from n where i < 5000)
insert into words select i, 'w' || x from n;
create index by_word on words (word);
select min(word), max(word), sum(length(word)) from words;
select count(*) from words a join words b on a.word = b.word;

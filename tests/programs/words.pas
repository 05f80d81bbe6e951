program words;
{$mode objfpc}{$H+}
uses cmem, Classes, SysUtils;
var x, i, all: integer; list: TStringList;
begin
  x := 1; all := 0; list := TStringList.Create;
  for i := 1 to 5000 do begin
    x := (x * 75 + 74) mod 65537;
    list.Add('w' + IntToStr(x));
    all := all + Length(list[list.Count - 1]);
  end;
  list.Sort;
  writeln(list[0], ' ', list[4999], ' ', all);
  list.Free;
end.

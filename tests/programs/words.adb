with Ada.Text_IO, Ada.Containers.Indefinite_Vectors;
procedure Words is
   package Lists is new Ada.Containers.Indefinite_Vectors (Positive, String);
   package Sorting is new Lists.Generic_Sorting;
   X : Integer := 1;
   All_Of_Them : Integer := 0;
   List : Lists.Vector;
begin
   for I in 1 .. 5000 loop
      X := (X * 75 + 74) mod 65537;
      declare
         Digits_Of : constant String := Integer'Image (X);
         Word : constant String := "w" & Digits_Of (2 .. Digits_Of'Last);
      begin
         List.Append (Word);
         All_Of_Them := All_Of_Them + Word'Length;
      end;
   end loop;
   Sorting.Sort (List);
   Ada.Text_IO.Put_Line
     (List.First_Element & " " & List.Last_Element & Integer'Image (All_Of_Them));
end Words;

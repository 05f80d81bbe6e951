camera { location <0, 2, -6> look_at 0 }
light_source { <10, 10, -10> color rgb 1 }
#declare I = 0;
#while (I < 40)
  sphere { <mod(I, 8) - 4, floor(I / 8) - 2, I / 10>, 0.4 pigment { color rgb <I / 40, 0.5, 1> } }
  #declare I = I + 1;
#end

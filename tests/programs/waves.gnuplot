set terminal svg
set samples 500
plot sin(x) * exp(-x * x / 20), cos(2 * x) / 2, besj0(x)

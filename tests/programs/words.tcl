set x 1
set words {}
for {set i 0} {$i < 5000} {incr i} {
    set x [expr {($x * 75 + 74) % 65537}]
    lappend words "w$x"
}
set words [lsort $words]
puts "[lindex $words 0] [lindex $words end] [string length [join $words ""]]"

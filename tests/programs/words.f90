program words
  implicit none
  type string
    character(len=:), allocatable :: text
  end type
  type(string), allocatable :: all(:)
  character(len=8) :: buffer
  integer :: x, i, total, largest
  allocate (all(5000))
  x = 1; total = 0; largest = 1
  do i = 1, 5000
    x = mod(x * 75 + 74, 65537)
    write (buffer, '(A,I0)') 'w', x
    all(i)%text = trim(buffer)
    total = total + len(all(i)%text)
    if (all(i)%text > all(largest)%text) largest = i
  end do
  print '(A,1X,I0)', all(largest)%text, total
end program

# `walk`: the blocks of malloc3's heap, in a program that gdb has stopped.
#
#   gdb -x stage3-freelist/gdb/walk.gdb target/debug/examples/overrun
#
# A line for each block, from the lowest address up: where its payload starts,
# its bytes, whether it is free. It only reads, so the heap may be as damaged
# as it likes: the first header that does not fit is told, and there it ends.
# `$wrong` is the address of that header.

# The shell that starts a program is none of ours, and a library may come later.
set startup-with-shell off
set breakpoint pending on
# Nothing here waits for a key, and a frame is a line.
set pagination off
set confirm off
set print frame-arguments none

define walk
  with language c -- set $block = (unsigned long) 'malloc3::HEAP'.__0.value.first
  with language c -- set $end = (unsigned long) 'malloc3::HEAP'.__0.value.end
  with language c -- walk_from_block_to_end
end

define walk_from_block_to_end
  set $below = 0UL
  set $goes_on = 1
  while $goes_on && $block < $end
    # A header: the size of the block below; the block's own, and its flag.
    set $prev_size = *(unsigned long *) $block
    set $size = *(unsigned long *) ($block + 8) & ~1UL
    printf "%#lx  %7lu ", $block + 16, $size
    if *(unsigned long *) ($block + 8) & 1
      echo free
    else
      echo used
    end
    if $prev_size != $below
      printf "  <- its tag says %lu below, where %lu are", $prev_size, $below
      set $goes_on = 0
    end
    if $size == 0 || $size % 16 != 0 || $size > $end - $block - 16
      echo \   <- no block has that size
      set $goes_on = 0
    end
    echo \n
    if !$goes_on
      set $wrong = $block
    end
    set $below = $size
    set $block = $block + 16 + $size
  end
  if $goes_on && $end != 0 && *(unsigned long *) $end != $below
    echo the end of the heap has a wrong tag\n
    set $wrong = $end
  end
end

document walk
Prints the blocks of malloc3's heap, from the lowest address up.
end

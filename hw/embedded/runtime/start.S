/* Entry of the emulated machine: multiboot 1 with the address fields filled in, so that the loader copies the file as it
   is; then a stack, then C. */
  .section .multiboot, "a"
  .align 4
multiboot_header:
  .long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
  .long multiboot_header, _image_start, _data_end, _bss_end, _start
  .text
  .global _start
_start:
  cli
  movl $_stack_top, %esp
  call loihi_main
1: hlt
  jmp 1b
  .bss
  .align 16
  .skip 4096
_stack_top:
  .section .note.GNU-stack, "", @progbits

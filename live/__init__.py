"""What is seen of a running hubbub from outside: its vital signs, over HTTP."""

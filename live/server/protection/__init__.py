"""What every request passes before it is answered: names of hosts, origins, sizes, times."""

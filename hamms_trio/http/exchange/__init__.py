"""One connection's requests and answers as octets, and the tasks of slow exchanges."""

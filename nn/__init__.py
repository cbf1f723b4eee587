"""Networks, their weights files, and the engines that compute them."""

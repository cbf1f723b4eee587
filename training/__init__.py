"""Training and evaluation of networks; the site imports nothing from here."""

"""Fill a shop platform with believable content: a recipe of words and numbers, what follows from it, and its making."""

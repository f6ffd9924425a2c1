print("to follow")

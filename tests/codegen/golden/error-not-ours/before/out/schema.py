print("my own work")

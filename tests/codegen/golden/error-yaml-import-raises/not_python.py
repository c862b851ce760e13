class Item(

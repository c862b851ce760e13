import sys

print("noise")
sys.exit(3)

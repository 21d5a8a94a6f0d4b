"""What councils have: any table is read, mapped, mended, tried out and made live as one act."""

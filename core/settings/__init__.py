"""What one trial is: a frozen dataclass per part, with the range, unit and meaning of each setting beside it."""

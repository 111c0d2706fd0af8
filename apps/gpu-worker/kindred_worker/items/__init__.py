"""What a customer may take next: items of baskets, who repeats them, what goes with them, and what is recommended."""

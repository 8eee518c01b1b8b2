"""What every picture shares: document, title, axes, text, colours, PNG, HTML."""

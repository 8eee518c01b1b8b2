"""Parts that all charts share: SVG document, page layout, axes, text, colours, PNG and HTML."""

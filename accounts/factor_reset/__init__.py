"""Taking away somebody's lost second factor: asked for by staff, approved by another, announced, then waited for."""

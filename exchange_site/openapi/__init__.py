"""What the API says of itself: `/api/schema` (OpenAPI), made by drf-spectacular from the tables in this package."""

"""Search spaces: domains over dotted config paths, designs, samplers and study files."""

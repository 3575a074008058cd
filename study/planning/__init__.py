"""Plans of trials from study files, and the resources and the time that trials need."""

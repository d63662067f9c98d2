"""`manage.py models`, one module for each group of actions. A new action is one more entry in ACTIONS."""

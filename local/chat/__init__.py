"""The chat stand-in: plays Slack's servers on the loopback for `make run` and the system tests.

It takes what Bellhop sends to Slack (response_url posts and Web API calls), refuses what Slack would refuse,
keeps the rest, and shows it in the terminal and on a small page.
"""

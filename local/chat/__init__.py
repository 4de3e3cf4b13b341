"""The chat stand-in: plays Slack's and Messenger's servers on the loopback for `make run` and the system tests.

It takes what Bellhop sends to Slack (response_url posts and Web API calls) and to Messenger (the Send API),
refuses what they would refuse, keeps the rest, and shows it in the terminal and on a small page.
"""

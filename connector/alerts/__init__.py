"""What alerts say, and the channels that they go by: a post to a URL, e-mail, Slack."""

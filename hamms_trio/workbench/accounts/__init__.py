"""Accounts: users, sessions and roles. Without users and a token, everybody may do everything."""

from hamms_trio.workbench.accounts.guard import Guard as Guard, Identity as Identity
from hamms_trio.workbench.accounts.origins import check_origin as check_origin
from hamms_trio.workbench.accounts.roles import Role as Role, required_role as required_role
from hamms_trio.workbench.accounts.users import User as User, read_users as read_users

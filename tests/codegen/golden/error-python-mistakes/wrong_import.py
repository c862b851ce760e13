from unknown_name_of import Itme
